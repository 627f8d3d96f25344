/** Files that Vite turns into addresses. */
declare module "*?url" {
  const address: string;
  export default address;
}

/** What Vite says of a build. */
interface ImportMeta {
  readonly env: { readonly PROD: boolean };
}

declare module "*?worker&url" {
  const address: string;
  export default address;
}
