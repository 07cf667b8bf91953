/**
 * What was promised to a person and not yet asked of the server, such as a deletion that could
 * still be undone. It is finished before the session or the tenant changes: afterwards the server
 * would refuse it.
 */
export class Unfinished {
  readonly #finishers = new Set<() => Promise<void>>();

  add(finish: () => Promise<void>): void {
    this.#finishers.add(finish);
  }

  async finish(): Promise<void> {
    await Promise.allSettled([...this.#finishers].map((finish) => finish()));
  }
}
