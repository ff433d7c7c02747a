/** A package under examination, unpacked with its dependencies, ready to be mounted read-only into a sandbox. */
export interface PackageTree {
  /** `pkg:npm/name@version`. */
  readonly purl: string;
  readonly name: string;
  readonly version: string;
  /** Host directory that holds `node_modules/…`; mount its `node_modules` at `PACKAGES_INSIDE`. */
  readonly directory: string;
  /** Where the package itself lies, relative to `directory`: `node_modules/<name>`. */
  readonly packagePath: string;
  /** SHA-256 over the sorted list of path, size and content hash of everything below `directory`. */
  readonly contentSha256: string;
  /** Resolved dependencies, `name@version`, sorted. */
  readonly dependencies: readonly string[];
  /** Parts that could not be covered, each with its reason (a native build, an unresolvable optional dependency). */
  readonly uncovered: readonly string[];
  /** Removes the unpacked files. */
  dispose(): Promise<void>;
}

/** Why a target could not be brought here. One per target; a campaign goes on with the next. */
export interface TargetRefusal {
  readonly kind:
    | 'bad-target'
    | 'not-found'
    | 'registry-unavailable'
    | 'integrity-mismatch'
    | 'hostile-archive'
    | 'too-large'
    | 'unresolvable-dependency';
  readonly target: string;
  readonly reason: string;
}

/** The files of one package alone. */
export interface PackageSource {
  readonly purl: string;
  readonly name: string;
  readonly version: string;
  /** Host directory that holds the package's own files, `package.json` at its top. */
  readonly directory: string;
  readonly contentSha256: string;
  dispose(): Promise<void>;
}
