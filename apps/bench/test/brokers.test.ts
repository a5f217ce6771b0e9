import { afterAll, describe, expect, test } from 'vitest'
import { busClient } from '../src/brokers/ours.ts'
import { plainKafka } from '../src/brokers/kafka-plain.ts'
import { kafkaGround } from '../src/brokers/kafka-ground.ts'
import { plainRabbitmq } from '../src/brokers/rabbitmq-plain.ts'
import { rabbitmqGround } from '../src/brokers/rabbitmq-ground.ts'
import { consumeRace, publishRace } from '../src/brokers/races.ts'
import { serversFor } from '../src/run/servers.ts'
import { Counted, type Race } from '../src/run/subject.ts'
import { brokerScenarios } from '../src/scenarios/brokers.ts'
import { servers } from '../src/scenarios/scenario.ts'

const running = await serversFor(brokerScenarios)
for (const reason of running.missing.values()) {
  if (process.env['CI'] === 'true') throw new Error(reason)
  process.stderr.write(`Races of a broker are not tried: ${reason}\n`)
}
const [url, brokers] = [process.env[servers.rabbitmq], process.env[servers.kafka]?.split(',')]
afterAll(() => running.close())

/** Both sides do what they say: so many are confirmed and kept, or consumed. */
async function run(race: Race): Promise<void> {
  for (const subject of [race.contestant, race.yardstick]) {
    const counted = new Counted(subject, 'a side')
    await counted.time(2)
    counted.check('at first')
    await counted.time(3)
    counted.check('then')
    expect(subject.sink.count).toBe(50)
  }
  await race.close?.()
}

describe.runIf(url !== undefined)('the races of RabbitMQ', () => {
  const ours = busClient(() => rabbitmqGround(url!))
  test('publish, and the broker has kept what it confirmed', async () => {
    await run(await publishRace(ours, plainRabbitmq(url!), 10))
  })
  test('consume what waits', async () => {
    await run(await consumeRace(ours, plainRabbitmq(url!), 10, 200))
  })
})

describe.runIf(brokers !== undefined)('the races of Kafka', () => {
  const ours = busClient(() => kafkaGround(brokers!))
  test('publish, and the broker has kept what it confirmed', async () => {
    await run(await publishRace(ours, plainKafka(brokers!), 10))
  })
  test('consume what waits', async () => {
    await run(await consumeRace(ours, plainKafka(brokers!), 10, 200))
  })
})
