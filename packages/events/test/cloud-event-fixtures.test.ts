import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  type CloudEventOptions,
  createCatalog,
  defineEvent,
  fromCloudEvent,
  InvalidCloudEventError,
  parseCloudEvent,
  parseCloudEventHeaders,
  toCloudEvent,
} from '../src/index.ts'
import { readArchive } from './support/tar.ts'

// Where the published fixtures are not at hand, a few of our own that test the same rules stand in for them.
const archive = readArchive()
if (archive === undefined) {
  console.warn(
    'The archive of published CloudEvents fixtures is not beside this checkout: own fixtures stand in for it.',
  )
}

const attributes = { specversion: '1.0', id: '1', type: 'mock.test', source: 'http://localhost/source' }
const own: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'java/v1/min.json': attributes,
    'java/v1/min_subject_null.json': { ...attributes, subject: null },
    'java/v1/json_data_with_ext.json': {
      ...attributes,
      datacontenttype: 'application/json',
      data: {},
      astring: 'aaa',
      aboolean: true,
      anumber: 10,
    },
    'java/v1/base64_text_data.json': { ...attributes, datacontenttype: 'text/plain', data_base64: 'SGk=' },
    'java/v1/fail_numeric_decimal.json': { ...attributes, decimal: 42.42 },
    'java/v1/fail_numeric_long.json': { ...attributes, long: 4_247_483_647 },
    'java/v1/json_data_with_ext_invalid.json': { ...attributes, a_invalid_name: 'x' },
    'java/v1/json_data_with_ext_upper_case.json': { ...attributes, aString: 'x' },
    'java/v03/min.json': { ...attributes, specversion: '0.3' },
  }).map(([path, event]) => [path, JSON.stringify(event)]),
)

const files = archive ?? own
const json = (folder: RegExp) => [...files].filter(([path]) => folder.test(path) && path.endsWith('.json'))
const isRefused = (path: string) => /\/fail_|_invalid|_upper_case/.test(path)
const everything = (type: string) => createCatalog([defineEvent(type, z.any())])

const read = (text: string, options?: CloudEventOptions) => {
  const envelope = parseCloudEvent(JSON.parse(text), options)
  // Whatever is a valid CloudEvent is also an event of ours, and goes out under the attributes that it came with.
  const event = fromCloudEvent(JSON.parse(text), everything(envelope.type), options)
  const { id, source, type, subject, dataversion } = toCloudEvent(event)
  expect({ id, source, type, subject }).toEqual({
    id: envelope.id,
    source: envelope.source,
    type: envelope.type,
    subject: envelope.subject,
  })
  expect(event.extensions).toEqual(envelope.extensions)
  expect(dataversion).toBe(1)
  return envelope
}

describe('the JSON events of the Java SDK', () => {
  const events = json(/(?:^|\/)(?:sdk-)?java\/.*v1\//)
  for (const [path, text] of events) {
    const name = path.split('/').at(-1)
    if (isRefused(path))
      test(`${name} is refused`, () => expect(() => parseCloudEvent(JSON.parse(text))).toThrow(InvalidCloudEventError))
    else
      test(`${name} is read`, () =>
        expect(read(text)).toMatchObject({ id: '1', type: 'mock.test', source: 'http://localhost/source' }))
  }

  test('there are some to read and some to refuse', () => {
    expect(events.filter(([path]) => isRefused(path))).toHaveLength(4)
    expect(events.filter(([path]) => !isRefused(path)).length).toBeGreaterThanOrEqual(4)
  })

  test('are refused for the reason that their names give', () => {
    const problems = (name: string) => {
      const [, text] = events.find(([path]) => path.endsWith(name)) ?? []
      try {
        parseCloudEvent(JSON.parse(text ?? ''))
      } catch (error) {
        return (error as InvalidCloudEventError).issues.map(({ path }) => path.join('.'))
      }
      return []
    }
    expect(problems('fail_numeric_decimal.json')).toEqual(['decimal'])
    expect(problems('fail_numeric_long.json')).toEqual(['long'])
    expect(problems('json_data_with_ext_invalid.json')).toEqual(['a_invalid_name'])
    expect(problems('json_data_with_ext_upper_case.json')[0]).toBe('aString')
  })
})

test('names in upper case are read in lower case on request, other wrong names never', () => {
  const text = (name: string) => [...files].find(([path]) => /v1\//.test(path) && path.endsWith(name))?.[1] ?? ''
  const options = { attributeNames: 'lower-case' } as const
  expect(parseCloudEvent(JSON.parse(text('ext_upper_case.json')), options).extensions).toMatchObject({
    astring: expect.stringMatching(/^(?:aaa|x)$/),
  })
  expect(() => parseCloudEvent(JSON.parse(text('ext_invalid.json')), options)).toThrow(/at a_invalid_name/)
  expect(() => parseCloudEvent({ ...attributes, ext: 'a', Ext: 'b' }, options)).toThrow(/at Ext/)
})

test('events of version 0.3 are refused by their specversion', () => {
  const events = json(/\/v0\.?3\//).filter(
    ([, text]) => (JSON.parse(text) as { specversion?: unknown }).specversion === '0.3',
  )
  expect(events.length).toBeGreaterThan(0)
  for (const [, text] of events) {
    expect(() => parseCloudEvent(JSON.parse(text))).toThrow(/at specversion: expected "1\.0", received "0\.3"/)
  }
})

describe.runIf(archive !== undefined)('published fixtures', () => {
  const file = (path: string) => files.get(path) ?? ''

  test('the payloads of the JavaScript SDK are read, base64 as the JSON that it is', () => {
    const events = json(/sdk-javascript.*\/v1\//)
    expect(events).toHaveLength(3)
    for (const [, text] of events) {
      expect(read(text)).toMatchObject({ type: 'com.github.pull.create' })
      expect(fromCloudEvent(JSON.parse(text), everything('com.github.pull.create')).data).toEqual({ much: 'wow' })
    }
  })

  test('the structured examples of Google are read, the audit log by lower-casing its names', () => {
    const events = json(/google-cloudevents\/examples\/structured\//)
    expect(events).toHaveLength(3)
    for (const [path, text] of events) {
      if (!path.includes('/audit/')) expect(read(text).type).toMatch(/^google\./)
      else {
        expect(() => parseCloudEvent(JSON.parse(text))).toThrow(
          /at methodName: expected an attribute name of lower-case/,
        )
        const { extensions } = parseCloudEvent(JSON.parse(text), { attributeNames: 'lower-case' })
        expect(extensions).toMatchObject({
          methodname: 'jobservice.jobcompleted',
          servicename: 'bigquery.googleapis.com',
        })
      }
    }
  })

  test('the binary examples of Google are read as bodies', () => {
    const bodies = json(/google-cloudevents\/examples\/binary\//)
    expect(bodies).toHaveLength(11)
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-type': 'google.test',
      'ce-source': '//google',
      'content-type': 'application/json',
    }
    for (const [, text] of bodies)
      expect(parseCloudEventHeaders(headers, Buffer.from(text)).data).toEqual(JSON.parse(text))
  })

  test('the complete events of the specification are read', () => {
    const documents = [...files].filter(
      ([path]) => path.startsWith('cloudevents/spec/cloudevents/') && path.endsWith('.md'),
    )
    const blocks = documents.flatMap(([, text]) =>
      [...text.matchAll(/```json\n(.*?)```/gis)].map(([, block]) => block ?? ''),
    )
    const events = blocks.flatMap(eventOf).filter((event) => event['specversion'] === '1.0')
    expect(events.length).toBeGreaterThanOrEqual(15)
    // The specification shortens the content of two of its examples.
    const shortened = /^\.\.\. base64|\.\.\./
    for (const event of events) {
      const text = String(event['data_base64'] ?? '')
      if (shortened.test(text)) expect(() => parseCloudEvent(event)).toThrow(/at data_base64: expected base64 text/)
      else expect(parseCloudEvent(event).id).toBe(event['id'])
    }
  })

  test('the conformance events are read in both modes', () => {
    const documents = ['v1.yaml', 'v1.0/v1_minimum.yaml'].flatMap((name) =>
      file(`cloudevents/conformance/yaml/${name}`).split(/^---$/m).map(conformanceEvent),
    )
    expect(documents).toHaveLength(8)
    for (const { attributes: given, data } of documents) {
      const headers = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
          name === 'datacontenttype' ? 'content-type' : `ce-${name}`,
          encodeURIComponent(value),
        ]),
      )
      if (given['datacontenttype'] !== undefined) headers['content-type'] = given['datacontenttype']
      const isJson = given['datacontenttype']?.includes('json') ?? false
      const expected = {
        id: given['id'],
        source: given['source'],
        type: given['type'],
        dataContentType: given['datacontenttype'],
        data: isJson ? JSON.parse(data) : data,
      }
      expect(parseCloudEventHeaders(headers, data)).toMatchObject(expected)
      expect(parseCloudEvent({ ...given, data: expected.data })).toMatchObject(expected)
    }
    const old = conformanceEvent(file('cloudevents/conformance/yaml/v03.yaml'))
    expect(() => parseCloudEvent({ ...old.attributes, data: old.data })).toThrow(/at specversion/)
  })

  test('the scenarios of the HTTP binding give the attributes and the data that they say', () => {
    const scenarios = file('cloudevents/conformance/features/http-protocol-binding.feature')
      .split('Scenario Outline')
      .slice(1)
    expect(scenarios).toHaveLength(2)
    for (const scenario of scenarios) {
      const contentTypes = [
        ...scenario.slice(scenario.indexOf('Examples:')).matchAll(/\| (application\S*(?: charset=\S+)?)/g),
      ].map(([, type]) => type ?? '')
      expect(contentTypes).toHaveLength(2)
      for (const contentType of contentTypes) {
        const [request = '', expected = ''] = [
          ...scenario.replaceAll('<contentType>', contentType).matchAll(/"""\n(.*?)"""/gs),
        ].map(([, block]) => block ?? '')
        const [head = '', ...body] = request.split(/\n\s*\n/)
        const headers = head
          .trim()
          .split('\n')
          .slice(1)
          .map((line): [string, string] => {
            const [name = '', ...value] = line.trim().split(': ')
            return [name, value.join(': ')]
          })
        const envelope = parseCloudEventHeaders(headers, body.join('\n\n'))
        expect(envelope).toMatchObject({
          id: '1234-1234-1234',
          type: 'com.example.someevent',
          source: '/mycontext/subcontext',
          time: '2018-04-05T03:56:24Z',
          dataContentType: contentType.includes('cloudevents') ? 'application/json' : contentType,
          data: JSON.parse(expected),
        })
      }
    }
  })
})

function eventOf(block: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(block)
    const list = Array.isArray(value) ? value : [value]
    return list.filter((each) => typeof each === 'object' && each !== null && 'specversion' in each)
  } catch {
    return []
  }
}

// Just enough of YAML for these files: keys and values under two headings, then a block of text.
function conformanceEvent(document: string): { attributes: Record<string, string>; data: string } {
  const [head = '', body = ''] = document.split(/^Data: \|$/m)
  const lines = head
    .split('\n')
    .map((line) => /^ +(\w+) *: *(.+)$/.exec(line))
    .filter((match) => match !== null)
  const ofEvent = lines.filter(([line]) => !line.includes('user-agent') && !line.includes(': |'))
  const attributes = Object.fromEntries(
    ofEvent.map(([, name = '', value = '']) => [name, value.replaceAll(/^"|"$/g, '')]),
  )
  return { attributes, data: body.trim() }
}
