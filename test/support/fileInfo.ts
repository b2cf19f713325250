/** What the file systems of tests report about every file: it is private, and belongs to whoever asks. */
import { ByteSize, FileSystem, Option } from "effect"

export const privateFile: FileSystem.File.Info = {
  type: "File",
  mode: 0o600,
  size: ByteSize.bytes(100),
  uid: Option.none(),
  gid: Option.none(),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  nlink: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
}
