import type { NetworkFaults } from '../kit.ts'
import type { FaultProxy } from './fault-proxy.ts'

/**
 * What a proxy between the transport and its broker does as the `network` of a kit.
 *
 * @example
 * await using proxy = await faultProxy({ target: { port: 5672 } })
 * await runConformance({ transport: () => rabbitmq({ url: `amqp://localhost:${proxy.port}` }), network: networkFaults(proxy) })
 */
export function networkFaults(proxy: Pick<FaultProxy, 'cut' | 'blackHole' | 'restore'>): NetworkFaults {
  return {
    cut: async () => proxy.cut(),
    blackHole: async () => proxy.blackHole(),
    async restore() {
      proxy.restore()
      // Until those whose connections were reset have heard of it.
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
  }
}
