import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Of Apache Kafka. */
const version = '4.4.0'
/** Of the binding that it logs by; only the interface comes with it. */
const logging = '2.25.3'
/** Milliseconds that Maven may take, and after which one that has said it is at it is taken for dead. */
const patience = 600_000

/** The folder with Kafka's jars; Maven brings them, once for this user, whoever asks at the same time. */
export async function jarsOfKafka(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tidings')
  const jars = join(cache, `kafka-${version}`)
  mkdirSync(cache, { recursive: true })
  const lock = `${jars}.lock`
  while (!existsSync(jars)) {
    if (!takes(lock)) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      continue
    }
    try {
      if (!existsSync(jars)) await fetch(cache, jars)
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
  return jars
}

/** To make a folder succeeds for one only. */
function takes(lock: string): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined && Date.now() - since > patience) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

async function fetch(cache: string, jars: string): Promise<void> {
  const folder = mkdtempSync(join(cache, 'fetching-'))
  try {
    const [pom, output] = [join(folder, 'pom.xml'), join(folder, 'jars')]
    writeFileSync(pom, projectFile())
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${output}`]
    await promisify(execFile)('mvn', ['-B', '-q', '-f', pom, ...goal], { timeout: patience })
    renameSync(output, jars)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function projectFile(): string {
  const dependencies = [
    ['org.apache.kafka', 'kafka_2.13', version],
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', logging],
    ['org.apache.logging.log4j', 'log4j-core', logging],
  ].map(
    ([group, artifact, at]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${at}</version></dependency>`,
  )
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tidings</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>\n`
}
