import { attestImages } from '../../src/attest/index.ts';
import { nodeHost } from '../../src/host/node.ts';
import { keySigner, openKey, passwordFromEnvironment, readSealedKey } from '../../src/sign/index.ts';
import { PROVENANCE } from './provenance.ts';

/*
 * What a push is followed by, as a program of its own: `KEY REGISTRY REPOSITORY DIGEST`. Opens the key, signs one
 * statement and attaches it in both layouts.
 */
const [key = '', registry = '', repository = '', digest = ''] = process.argv.slice(2);
const host = nodeHost();
const password = passwordFromEnvironment(host.env);
if (password === undefined) throw new Error('there is no CHALK_PASSWORD');
const signer = keySigner(await openKey(await readSealedKey(host, key), password));
const image = { repository: { registry, repository }, digest, provenance: PROVENANCE };
const [attested] = await attestImages(host, { configFolder: '/nonexistent' }, signer, [image]);
const isDone = attested?.errors.length === 0 && attested.statements[0]?.state === 'attached';
if (!isDone) throw new Error(attested?.errors[0]?.message ?? 'nothing was attached');
