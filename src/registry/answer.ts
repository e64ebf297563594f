/** The head of an answer, with a body that is read once or discarded. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
  /** Where it came from, all redirects followed. */
  readonly url: URL;
}
