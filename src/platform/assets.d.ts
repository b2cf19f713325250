/** Files that are imported `with { type: "file" }`: the import is their path, on disk or in the binary. */
declare module "*/standalone.js" {
  const path: string
  export default path
}

declare module "*.standalone.js" {
  const path: string
  export default path
}

declare module "*-bundle.js" {
  const path: string
  export default path
}

declare module "*.page.js" {
  const path: string
  export default path
}

declare module "*.css" {
  const path: string
  export default path
}
