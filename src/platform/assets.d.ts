/** Files that are imported `with { type: "file" }`: their path, on disk or within the binary. */
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
