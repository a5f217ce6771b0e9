/** `base`, whose own methods keep their `this`, with other properties over it. */
export function over<T extends object>(base: T, properties: Partial<T>): T {
  return new Proxy(base, {
    get(target, key) {
      if (key in properties) return properties[key as keyof T]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
