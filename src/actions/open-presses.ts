/**
 * Cards on which a press is being answered in this process, from its arrival to its answer: meanwhile no PUT of them may
 * leave (page "event-callback-card"). What other processes are at, and what lasts beyond the answer, `holdCard` keeps.
 */
export class OpenPresses {
  #open = new Map<string, number>()

  /** @returns to be called once, when the press is answered or cannot be any more */
  enter(outTrackId: string): () => void {
    this.#open.set(outTrackId, (this.#open.get(outTrackId) ?? 0) + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      const others = (this.#open.get(outTrackId) ?? 1) - 1
      if (others > 0) this.#open.set(outTrackId, others)
      else this.#open.delete(outTrackId)
    }
  }

  has(outTrackId: string): boolean {
    return this.#open.has(outTrackId)
  }
}
