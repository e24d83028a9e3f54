import { alwaysValid } from './always-valid.ts'
import type { Judge } from './judge.ts'
import { fixedLimit, successRate } from './limits.ts'
import { mannWhitney } from './mann-whitney.ts'

/** This project's judge, looking each minute as the others do. */
export const oursEachMinute: Judge = alwaysValid(60)
/** This project's judge as canary-promote runs it by default. */
export const oursEachRead: Judge = alwaysValid(5)
/** This project's judge in both its paces. */
export const OURS: readonly Judge[] = [oursEachMinute, oursEachRead]
/** What users have today. */
export const PEERS: readonly Judge[] = [fixedLimit, successRate, mannWhitney]
/** All of them, in the order of the tables. */
export const JUDGES: readonly Judge[] = [...PEERS, ...OURS]
