/** Takes reports away. A sink that fails rejects with `SINK_FAILED`, and that is all its failing may do. */
export interface Sink {
  readonly name: string;
  /** @param report one line, with its line feed. */
  send(report: string): Promise<void>;
}
