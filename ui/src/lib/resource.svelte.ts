// Something asked from the app's other half: what is known of it, whether it's being asked, and what went wrong.

import { failure, type Failure } from "./failure";

/** A value that is read, shown, and read again when something has changed. The old value is shown until the new one is there. */
export class Resource<T> {
  value = $state.raw<T | null>(null);
  failed = $state.raw<Failure | null>(null);
  busy = $state(false);
  // Not states: whoever asks for a refresh in an effect must not depend on whether one is under way.
  private reading = false;
  private again = false;

  constructor(private readonly read: () => Promise<T>) {}

  /** Nothing is known yet, and nothing has gone wrong. */
  get loading(): boolean {
    return this.value === null && this.failed === null;
  }

  /** Reads it. Asked while it is being read, it is read once more after that. */
  async refresh(): Promise<void> {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    this.busy = true;
    do {
      this.again = false;
      try {
        this.value = await this.read();
        this.failed = null;
      } catch (error) {
        this.failed = failure(error);
      }
    } while (this.again);
    this.reading = false;
    this.busy = false;
  }
}
