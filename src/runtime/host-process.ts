/** How the reporter knows the launcher as long as it is not yet the program (`collect.go` waits for this name to go). */
const LAUNCHER_NAME = 'docker-chalk-exec';

/**
 * A shell that leaves the reporter behind and becomes the program, in the same process: the reporter is started by a
 * process that ends at once, so that it is the system's child and not the program's. Its streams are not the program's.
 * The mark is its standard input, opened before the program starts: it may have ended before the reporter has.
 */
const SCRIPT = `reporter=$1 mark=$2 type=$3 path=$4
shift 4
( exec 3<"$mark"; "$reporter" host "$$" "$type" "$path" <&3 3<&- >/dev/null 2>&1 & ) 2>/dev/null
exec "$@"`;

export interface HostProgram {
  /** Of this installation, for this machine. */
  readonly reporter: string;
  /** A file with the program's mark, or /dev/null; it must be there until the program runs. */
  readonly markFile: string;
  readonly artifactType: string;
  readonly path: string;
  /** As typed: the shell looks for the program as it would without us. */
  readonly words: readonly string[];
}

/** The words that start a program of the host with a report. */
export function hostProgramWords(program: HostProgram): string[] {
  const { reporter, markFile, artifactType, path, words } = program;
  return ['-c', SCRIPT, LAUNCHER_NAME, reporter, markFile, artifactType, path, ...words];
}

/** The words behind `exec`, and behind its `--` where there is one. */
export function programWords(words: readonly string[]): readonly string[] {
  return words[0] === '--' ? words.slice(1) : words;
}
