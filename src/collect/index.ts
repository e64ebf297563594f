export { collectCi } from './ci.ts';
export { atRunTime, type Collected, type Facts, type FactValue, type MarkAndReport } from './facts.ts';
export { collectGit, collectGitStatus, pathWithinRepository } from './git.ts';
export { gitContextFacts } from './git-context.ts';
export { collectHost, type Injector } from './host-facts.ts';
export { when, writeTime, type WrittenTime } from './when.ts';
