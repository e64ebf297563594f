import type { Clock } from '../host/host.ts';
import type { MarkAndReport } from './facts.ts';

/** A moment as marks and reports write it. */
export interface WrittenTime {
  readonly date: string;
  readonly time: string;
  readonly offset: string;
  /** `2023-12-21T10:41:18.691-05:00` */
  readonly datetime: string;
}

/** The moment of the build: `*_CHALKED` keys for the mark, `_DATETIME` and its parts for the report. */
export function when(clock: Clock): MarkAndReport {
  const now = Math.trunc(clock.now());
  const { date, time, offset, datetime } = writeTime(now, clock.offsetMinutes(now));
  return {
    mark: {
      TIMESTAMP_WHEN_CHALKED: now,
      DATE_CHALKED: date,
      TIME_CHALKED: time,
      TZ_OFFSET_WHEN_CHALKED: offset,
      DATETIME_WHEN_CHALKED: datetime,
    },
    report: { _TIMESTAMP: now, _DATE: date, _TIME: time, _TZ_OFFSET: offset, _DATETIME: datetime },
  };
}

/** Writes a moment in the zone that is `offsetMinutes` east of UTC. The moment must be within the years 0 to 9999. */
export function writeTime(milliseconds: number, offsetMinutes: number): WrittenTime {
  const minutes = Math.round(offsetMinutes);
  const local = new Date(milliseconds + minutes * 60_000).toISOString().slice(0, -1);
  const [date = '', time = ''] = local.split('T');
  const sign = minutes < 0 ? '-' : '+';
  const offset = `${sign}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return { date, time, offset, datetime: `${local}${offset}` };
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}
