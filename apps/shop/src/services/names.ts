/** What of the shop runs as a process of its own; `desk` is where the orders of a day come in. */
export const services = ['orders', 'payments', 'shipping', 'notifications', 'fulfilment', 'desk'] as const
export type Service = (typeof services)[number]

export function isService(name: string): name is Service {
  return (services as readonly string[]).includes(name)
}
