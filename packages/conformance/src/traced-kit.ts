import type { Transport } from '@tidings/bus'
import type { Connection } from '@tidings/bus/transport'
import { pause } from './expect.ts'
import type { ResolvedKit } from './kit.ts'
import { over } from '@tidings/core/tools'
import type { Steps } from './steps.ts'

/** A kit that notes what a case does with it, and gives the broker its rest before a case kills it. */
export function tracedKit(kit: ResolvedKit, steps: Steps): ResolvedKit {
  const { network, broker, restBeforeKill } = kit
  return {
    ...kit,
    transport: () => tracedTransport(kit.transport(), steps),
    network: network && {
      cut: () => (steps.begin('cut the network'), network.cut()),
      blackHole: () => (steps.begin('swallow what the network carries'), network.blackHole()),
      restore: () => (steps.begin('restore the network'), network.restore()),
    },
    broker: broker && {
      async kill() {
        if (restBeforeKill > 0) await pause(restBeforeKill)
        steps.begin('kill the broker')
        await broker.kill()
      },
      start: () => (steps.begin('start the broker'), broker.start()),
    },
    ...(kit.spawnConsumer && {
      spawnConsumer: (request) => {
        steps.begin(`join ${request.group} from another process`)
        steps.groups.add(request.group)
        return kit.spawnConsumer!(request)
      },
    }),
    ...(kit.declareConflict && {
      declareConflict: (group) => {
        steps.begin(`declare ${group} otherwise`)
        steps.groups.add(group)
        return kit.declareConflict!(group)
      },
    }),
  }
}

function tracedTransport(transport: Transport, steps: Steps): Transport {
  return over(transport, {
    async connect(options) {
      steps.begin('connect')
      return tracedConnection(await transport.connect(options), steps)
    },
  })
}

function tracedConnection(connection: Connection, steps: Steps): Connection {
  return over(connection, {
    publish(outgoing, options) {
      steps.publish(String(outgoing.message.attributes['id']))
      return connection.publish(outgoing, options)
    },
    subscribe(request, ...rest) {
      steps.begin(`join ${request.group}`)
      if (!request.temporary) steps.groups.add(request.group)
      return connection.subscribe(request, ...rest)
    },
    close() {
      steps.begin('close a connection')
      return connection.close()
    },
  })
}
