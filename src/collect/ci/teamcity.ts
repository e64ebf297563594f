import { listOf, refOf, type CiSystem, type Properties } from './system.ts';

/** TeamCity has few variables; its properties file knows the rest. */
export const teamcity: CiSystem = {
  name: 'TeamCity',
  activeIf: ['TEAMCITY_VERSION'],
  propertiesFile: 'TEAMCITY_BUILD_PROPERTIES_FILE',
  facts(variable, properties) {
    const property = (name: string) => properties.get(name) ?? '';
    return {
      BUILD_ID: property('teamcity.build.id') || variable('BUILD_NUMBER'),
      BUILD_COMMIT_ID: variable('BUILD_VCS_NUMBER'),
      BUILD_URI: variable('BUILD_URL'),
      BUILD_API_URI: property('teamcity.serverUrl'),
      BUILD_CONTACT: listOf(property('teamcity.build.triggeredBy.username')),
      BUILD_REF: refOf('', property('teamcity.build.branch')),
      BUILD_WORKFLOW_NAME: variable('TEAMCITY_BUILDCONF_NAME'),
      BUILD_WORKFLOW_PATH: property('teamcity.buildType.id'),
    };
  },
};

/** Java's properties: `key=value` lines, where `\:` and `\=` stand for the character and `\uXXXX` for any. */
export function parseProperties(text: string): Properties {
  const properties = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const entry = /^((?:[^\\=:\s#!]|\\.)(?:[^\\=:\s]|\\.)*)\s*[=:]\s*(.*)$/.exec(line.trim());
    if (entry) properties.set(unescape(entry[1] ?? ''), unescape(entry[2] ?? ''));
  }
  return properties;
}

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|(.))/gi, (_, code: string | undefined, character: string) =>
    code === undefined ? character : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
