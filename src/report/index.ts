export { chooseSinks, defaultReportFile, deliver } from './deliver.ts';
export { redactItems } from './redact.ts';
export { newActionId, type ReportContent, writeReport } from './report.ts';
export type { Sink } from './sinks/sink.ts';
