import { expect, test } from 'vitest';
import { when, writeTime } from '../../../src/collect/index.ts';

const AT = Date.UTC(2023, 11, 21, 15, 41, 18, 691);

test('the moment in the zone of the machine', () => {
  const clock = { now: () => AT + 0.7, monotonic: () => 0, offsetMinutes: () => -300 };
  expect(when(clock)).toEqual({
    mark: {
      TIMESTAMP_WHEN_CHALKED: AT,
      DATE_CHALKED: '2023-12-21',
      TIME_CHALKED: '10:41:18.691',
      TZ_OFFSET_WHEN_CHALKED: '-05:00',
      DATETIME_WHEN_CHALKED: '2023-12-21T10:41:18.691-05:00',
    },
    report: {
      _TIMESTAMP: AT,
      _DATE: '2023-12-21',
      _TIME: '10:41:18.691',
      _TZ_OFFSET: '-05:00',
      _DATETIME: '2023-12-21T10:41:18.691-05:00',
    },
  });
});

test.each([
  [0, '2023-12-21T15:41:18.691+00:00'],
  [-0, '2023-12-21T15:41:18.691+00:00'],
  [345, '2023-12-21T21:26:18.691+05:45'],
  [-570, '2023-12-21T06:11:18.691-09:30'],
  [840, '2023-12-22T05:41:18.691+14:00'],
])('offset %d', (minutes, written) => {
  expect(writeTime(AT, minutes).datetime).toBe(written);
  expect(Date.parse(written)).toBe(AT);
});
