// An ESM package from CommonJS, and what it does to its surroundings: `node require.cjs @tidings/core`.
const [, , name] = process.argv
// Zod keeps a registry on the global object; that is not the package's doing.
for (const peer of Object.keys(require(`${name}/package.json`).peerDependencies ?? {})) require(peer)
const globals = () => [...Reflect.ownKeys(globalThis), ...Reflect.ownKeys(Symbol)].map(String).join()
const before = globals()
const entry = require(name)
if (globals() !== before) throw new Error(`require('${name}') changes the globals`)
const functions = Object.values(entry).filter((value) => typeof value === 'function')
if (functions.length === 0) throw new Error(`require('${name}') gives nothing to call`)
