/**
 * Lets at most `max` through in any stretch of `windowMs`, in the order they come. Whoever comes evenly does not wait;
 * whoever was held up on the way, and comes together with others, does.
 */
export function createGate(max: number, windowMs: number): () => Promise<void> {
  /** When the last ones went through, or will: oldest first. */
  const passed: number[] = []
  return async () => {
    const nowMs = performance.now()
    const oldest = passed.length < max ? undefined : passed.shift()
    const atMs = Math.max(nowMs, oldest === undefined ? 0 : oldest + windowMs)
    passed.push(atMs)
    if (atMs > nowMs) await new Promise((resolve) => setTimeout(resolve, atMs - nowMs))
  }
}
