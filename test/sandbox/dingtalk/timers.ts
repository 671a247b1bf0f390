/** Real-time timers that all die with the sandbox, so that none keeps a process alive or fires into a closed server. */
export class Timers {
  #live = new Set<NodeJS.Timeout>()

  /** Returns the undo. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(() => {
      this.#live.delete(timer)
      run()
    }, ms)
    this.#live.add(timer)
    return () => {
      clearTimeout(timer)
      this.#live.delete(timer)
    }
  }

  /** Like `after`, but a process that was held up reads what has come in meanwhile before it judges. */
  deadline(ms: number, run: () => void): () => void {
    let judging: NodeJS.Immediate | undefined
    const undo = this.after(ms, () => (judging = setImmediate(run)))
    return () => {
      undo()
      clearImmediate(judging)
    }
  }

  /** Never resolves once the sandbox has been closed. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve)
    })
  }

  clear(): void {
    for (const timer of this.#live) clearTimeout(timer)
    this.#live.clear()
  }
}
