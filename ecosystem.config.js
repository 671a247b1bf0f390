/** pm2: `pm2 start ecosystem.config.js`, then `pm2 reload flashduty-dingtalk` after each `npm run build`. */
export const apps = [
  {
    name: 'flashduty-dingtalk',
    // So that pm2 can be called from any folder; `data/` is in this one.
    cwd: import.meta.dirname,
    // On Node.js 24 or 26: 20.20 is the least that works, and past its end of life. pm2 takes the `node` that is first on PATH
    // at `pm2 start`. `interpreter: '/opt/node-26/bin/node'` here picks another; pm2's --interpreter has no say over a file.
    script: 'dist/main.js',
    args: 'start',
    // A heap that grows in small steps: V8 would else let garbage pile up to twice the memory before it clears it away.
    node_args: '--enable-source-maps --max-semi-space-size=4 --heap-growing-percent=50',
    // One is enough. A second one is a second app here, with an HTTP_PORT of its own.
    exec_mode: 'fork',
    instances: 1,
    // The daemon says ready once the database, the workers and the Stream connection are up.
    wait_ready: true,
    listen_timeout: 15_000,
    // Longer than the daemon's own drain of 12 s, so that it is never killed while it finishes work under way.
    kill_timeout: 15_000,
    exp_backoff_restart_delay: 100,
    // The metrics module that pm2 puts into processes ends them with code 1 when it fires after the pipe to pm2 is closed.
    pmx: false,
    // The log lines are JSON with their own time.
    merge_logs: true,
    time: false,
  },
]
