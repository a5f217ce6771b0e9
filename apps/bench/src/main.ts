/** The command `bench`; with `job` for its first argument, one measurement in a process of its own. */
if (process.argv[2] === 'job') await import('./run/child.ts')
else await import('./command.ts')
