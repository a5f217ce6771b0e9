import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../command.ts'
import { examples, examplesOf, quotes } from '../examples.ts'
import { linkPackages, publicPackages, root, temporaryFolder, tool } from '../workspace.ts'

const all = examples(['README.md', 'packages/*/README.md', 'docs/*.md']).map((example) => ({
  ...example,
  place: `${example.file}:${example.line}`,
  name: `${example.file.replaceAll(/[^a-z]+/gi, '-')}-line-${example.line}`,
}))

const folder = temporaryFolder('docs')
afterAll(() => folder[Symbol.dispose]())

beforeAll(() => {
  linkPackages(folder.path)
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }')
  for (const { name, code } of all) writeFileSync(join(folder.path, `${name}.ts`), code)
})

describe('an example prints what stands below it', { concurrent: true }, () => {
  test.for(all.filter(({ output }) => output !== undefined))('$place', async ({ name, code, output }, { expect }) => {
    let file = `${name}.ts`
    if (/^\s*@\w/m.test(code)) {
      // No Node parses decorators yet.
      const lowered = await transform(code, { loader: 'ts', target: 'es2022' })
      writeFileSync(join(folder.path, (file = `${name}.js`)), lowered.code)
    }
    const { stdout, stderr } = await run(tool('node'), ['--conditions=@tidings/source', file], { cwd: folder.path })
    expect(stdout, stderr).toBe(output)
  })
})

test('every example compiles', { timeout: 120_000 }, async () => {
  writeFileSync(
    join(folder.path, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        noEmit: true,
        moduleDetection: 'force',
        isolatedDeclarations: false,
        declaration: false,
        declarationMap: false,
        types: ['node'],
        // An example shows one thing; what it leaves unused is not its subject.
        noPropertyAccessFromIndexSignature: false,
      },
      include: ['*.ts'],
    }),
  )
  const { code, stdout } = await run(tool('tsc'), ['--pretty', 'false', '-p', folder.path], { cwd: folder.path })
  const faults = all.reduce((text, { name, file, line }) => {
    return text.replaceAll(new RegExp(`^.*${name}\\.ts\\((\\d+)`, 'gm'), (_, at) => `${file}(${line - 1 + Number(at)}`)
  }, stdout)
  expect({ code, faults }).toEqual({ code: 0, faults: '' })
})

test.for(quotes(['README.md', 'packages/*/README.md', 'docs/*.md']))(
  '$file:$line quotes what stands in $of',
  ({ of, code }) => {
    expect(readFileSync(join(root, of), 'utf8')).toContain(code)
  },
)

test.for(publicPackages())('the README of $manifest.name has an example whose output is shown', ({ id }) => {
  expect(all.filter(({ file, output }) => file === `packages/${id}/README.md` && output !== undefined)).not.toEqual([])
})

test('a fence of text belongs to the example directly above it', () => {
  const text = '# Title\n\n```ts\na()\n```\n\n```text\n1\n2\n```\n\n```ts\nb()\n```\n\nIt prints:\n\n```text\n3\n```\n'
  expect(examplesOf('x.md', text)).toEqual([
    { file: 'x.md', line: 4, code: 'a()\n', output: '1\n2\n' },
    { file: 'x.md', line: 13, code: 'b()\n', output: undefined },
  ])
})
