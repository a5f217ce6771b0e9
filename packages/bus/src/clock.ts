export { type Clock, systemClock } from '@tidings/core/tools'
