import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { defineConfig } from 'vitest/config'
import { standardDecorators } from './vitest.decorators.ts'
import { TallyReporter } from './vitest.tally.ts'

// Vite's own defaults, which setting `conditions` replaces, behind the condition that leads to the sources.
const conditions = ['@tidings/source', 'module', 'node', 'development|production']

export default defineConfig({
  plugins: [standardDecorators()],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Against what hangs, and nothing else: how long a test computes depends on what else the machine does.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Many wait rather than compute: one worker for two cores, the default, leaves one of them idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', new TallyReporter()],
    projects: globSync(['packages/*', 'apps/*', 'examples', 'scripts', 'scripts/services'], {
      cwd: import.meta.dirname,
    }).map((root) => ({
      extends: true as const,
      root,
      test: { name: basename(root), include: ['test/**/*.test.ts'] },
    })),
  },
})
