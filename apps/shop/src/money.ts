/** Whole pence as people read them: `£31.98`. */
export function pounds(pence: number): string {
  const [sign, whole] = pence < 0 ? ['-', -pence] : ['', pence]
  return `${sign}£${Math.floor(whole / 100)}.${String(whole % 100).padStart(2, '0')}`
}
