/**
 * The command `bench`; with `job` for its first argument, one measurement in a process of its own, and with `consume` a
 * consumer that a measurement starts.
 */
const [, , task] = process.argv
if (task === 'job') await import('./run/child.ts')
else if (task === 'consume') await import('./sqlite/consume.ts')
else await import('./command.ts')
