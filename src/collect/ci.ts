import { ChalkError } from '../base/errors.ts';
import { withoutCredentials } from '../base/url.ts';
import type { Host } from '../host/host.ts';
import { azure } from './ci/azure.ts';
import { bitbucket } from './ci/bitbucket.ts';
import { buildkite } from './ci/buildkite.ts';
import { circleci } from './ci/circleci.ts';
import { codebuild } from './ci/codebuild.ts';
import { github } from './ci/github.ts';
import { gitlab } from './ci/gitlab.ts';
import { jenkins } from './ci/jenkins.ts';
import { variables, type CiSystem, type Properties } from './ci/system.ts';
import { parseProperties, teamcity } from './ci/teamcity.ts';
import { known, type Collected, type Facts, type FactValue } from './facts.ts';

/**
 * Every system known. One build has one: the first that is active speaks alone, so that no mark mixes the commit of one
 * with the address of another. GitHub leads, as its runners also run inside others (CodeBuild); Jenkins is last, as its
 * server's variables are inherited by whatever it starts.
 */
const SYSTEMS: readonly CiSystem[] = [
  github,
  gitlab,
  azure,
  buildkite,
  circleci,
  bitbucket,
  codebuild,
  teamcity,
  jenkins,
];

/** What a variable may hold and still become a fact; more is no identifier of anything. */
const MAX_VALUE = 4_096;

const MAX_PROPERTIES = 1024 * 1024;

/** The BUILD_* facts of the CI system this build runs in; none outside of CI. Asks nobody: environment and files only. */
export async function collectCi(host: Host): Promise<Collected> {
  const variable = variables(host.env);
  const system = SYSTEMS.find(({ activeIf }) => activeIf.some((name) => variable(name) !== ''));
  if (!system) return { facts: {}, errors: [] };
  const errors: ChalkError[] = [];
  let properties: Properties = new Map();
  const file = system.propertiesFile === undefined ? '' : variable(system.propertiesFile);
  if (file !== '') {
    try {
      properties = parseProperties(await host.files.readText(file, MAX_PROPERTIES));
    } catch (cause) {
      const message = `cannot read the properties file of ${system.name}`;
      errors.push(new ChalkError('FILE_UNREADABLE', message, { cause }));
    }
  }
  return { facts: publishable(known(system.facts(variable, properties))), errors };
}

/** Credentials may sit in any address, also where a name is expected (Jenkins' JOB_URL); so all values are cleaned. */
function publishable(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts)
      .map(([key, value]): [string, FactValue] => [key, cleaned(key, value)])
      .filter(([, value]) => typeof value !== 'string' || value.length <= MAX_VALUE),
  );
}

function cleaned(key: string, value: FactValue): FactValue {
  if (typeof value !== 'string') return value;
  return key.endsWith('_URI') || value.includes('://') ? withoutCredentials(value) : value;
}
