import { defineDecider } from '@tidings/store'
import { ActEnded, DayEnded, DayOpened } from '../events.ts'

/** The stream of the diary. */
export const diaryStream = 'diary'

export type DiaryCommand =
  | { readonly type: 'open'; readonly seed: number }
  | { readonly type: 'end-act'; readonly act: number }
  | { readonly type: 'end-day' }

/** How far the story has come. */
export interface DiaryState {
  /** The latest day; 0 before the first. */
  readonly day: number
  readonly seed: number
  readonly isOpen: boolean
  /** Acts of that day that have ended. */
  readonly acts: number
}

/** Says where a story that was broken off goes on. */
export const diary = defineDecider({
  initial: (): DiaryState => ({ day: 0, seed: 0, isOpen: false, acts: 0 }),

  evolve(state, event: DayOpened | ActEnded | DayEnded): DiaryState {
    switch (event.type) {
      case DayOpened.type:
        return { ...event.data, isOpen: true, acts: 0 }
      case ActEnded.type:
        return { ...state, acts: event.data.act }
      default:
        return { ...state, isOpen: false }
    }
  },

  decide(command: DiaryCommand, { day, isOpen, acts }) {
    switch (command.type) {
      case 'open':
        return isOpen ? [] : DayOpened.create({ day: day + 1, seed: command.seed })
      case 'end-act':
        return command.act > acts ? ActEnded.create({ day, act: command.act }) : []
      default:
        return isOpen ? DayEnded.create({ day }) : []
    }
  },
})
