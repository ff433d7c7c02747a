/** The library ships no types. It picks the version of a packument that npm itself would install. */
declare module 'npm-pick-manifest' {
  /** Throws with code ETARGET, ENOVERSIONS or E403 where nothing may be picked. */
  function pickManifest<Manifest>(
    packument: {
      readonly name: string;
      readonly versions: Readonly<Record<string, Manifest>>;
      readonly 'dist-tags': Readonly<Record<string, string>>;
    },
    wanted: string,
    options: { readonly nodeVersion?: string },
  ): Manifest | null;
  export = pickManifest;
}
