import { transform } from 'esbuild'
import type { Plugin } from 'vitest/config'

/**
 * Lowers standard decorators and `accessor` in tests. Vite's own transformer leaves them in the output, and no
 * Node release parses them yet.
 */
export function standardDecorators(): Plugin {
  return {
    name: 'standard-decorators',
    enforce: 'pre',
    transform: {
      filter: { id: /\.[cm]?tsx?$/, code: /(^|\s)@[A-Za-z_$]|\baccessor\s/m },
      async handler(code, id) {
        const result = await transform(code, {
          loader: id.endsWith('x') ? 'tsx' : 'ts',
          target: 'es2022',
          sourcefile: id,
          sourcemap: 'external',
          tsconfigRaw: { compilerOptions: { useDefineForClassFields: true, verbatimModuleSyntax: true } },
        })
        return { code: result.code, map: result.map }
      },
    },
  }
}
