import * as z from 'zod/mini';
import { ChalkError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { scanObject } from './json-scan.ts';
import { predicateTypeOf, type Sbom, type SbomFormat, type Tool } from './sbom.ts';

/** How each format names itself, and where it names the program that wrote it. */
const FORMATS: Readonly<
  Record<
    SbomFormat,
    {
      readonly label: string;
      readonly marks: readonly (readonly [member: string, value: RegExp])[];
      readonly toolMember: string;
      readonly tool: (value: unknown) => Tool | undefined;
    }
  >
> = {
  spdx: {
    label: 'SPDX',
    marks: [
      ['spdxVersion', /^SPDX-2\.[0-9]$/],
      ['SPDXID', /^SPDXRef-DOCUMENT$/],
    ],
    toolMember: 'creationInfo',
    tool: spdxTool,
  },
  cyclonedx: {
    label: 'CycloneDX',
    marks: [
      ['bomFormat', /^CycloneDX$/],
      ['specVersion', /^1\.[0-9]$/],
    ],
    toolMember: 'metadata',
    tool: cyclonedxTool,
  },
};

/**
 * Checks that a text is an SBOM of this format. `tool` is who wrote it; default: what the document says. Throws `SBOM_FAILED`;
 * `what` names the text in its message.
 */
export function readSbom(
  text: string,
  format: SbomFormat,
  from: { readonly what: string; readonly tool?: Tool },
): Omit<Sbom, 'origin'> {
  const { label, marks, toolMember, tool } = FORMATS[format];
  const scan = scanObject(text);
  if (scan.kind === 'fault') {
    const length = text.trim() === '' ? 'nothing' : `no JSON object (offset ${scan.at})`;
    throw new ChalkError('SBOM_FAILED', `${from.what} is ${length} where ${label} JSON was expected`);
  }
  for (const [member, value] of marks) {
    const found = parseJson(scan.members.get(member) ?? '');
    if (typeof found === 'string' && value.test(found)) continue;
    const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
    throw new ChalkError('SBOM_FAILED', `${from.what} is no ${label}: its ${member} is ${shown}`);
  }
  return {
    format,
    predicateType: predicateTypeOf(format),
    text,
    tool: from.tool ?? tool(parseJson(scan.members.get(toolMember) ?? '')) ?? { name: '', version: '' },
  };
}

const Creation = z.object({ creators: z.array(z.string()) });

/** The first of `Tool: name-version` (SPDX 2.3, 6.8): what looked at the files; whoever passed it on comes behind. */
function spdxTool(value: unknown): Tool | undefined {
  const parsed = Creation.safeParse(value);
  const creators = parsed.success ? parsed.data.creators : [];
  for (const creator of creators) {
    const [, name, version = ''] = /^Tool:\s*(.+?)(?:-v?(\d[^-\s]*\S*))?\s*$/.exec(creator) ?? [];
    if (name !== undefined) return { name, version };
  }
  return undefined;
}

const Named = z.object({ name: z.string(), version: z.optional(z.string()) });
const Metadata = z.object({
  /** CycloneDX 1.5 and newer; before, a list. */
  tools: z.union([z.object({ components: z.array(Named) }), z.array(Named)]),
});

function cyclonedxTool(value: unknown): Tool | undefined {
  const parsed = Metadata.safeParse(value);
  if (!parsed.success) return undefined;
  const { tools } = parsed.data;
  const [first] = Array.isArray(tools) ? tools : tools.components;
  return first === undefined ? undefined : { name: first.name, version: first.version ?? '' };
}
