import { pack } from 'tar-stream';

/** A file of the layer. Names are relative; folders end with a slash. */
export interface TarFile {
  readonly name: string;
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly content: Uint8Array | string | undefined;
}

/** A tar archive of these files, owned by root, in this order. The same files give the same bytes. */
export async function packTar(files: readonly TarFile[]): Promise<Uint8Array> {
  const archive = pack();
  const chunks: Uint8Array[] = [];
  for (const { name, mode, time, content } of files) {
    const header = { name, mode, mtime: new Date(time * 1000), uid: 0, gid: 0 };
    if (content === undefined) archive.entry({ ...header, type: 'directory' });
    else archive.entry(header, Buffer.from(content));
  }
  archive.finalize();
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What the layer of a patch holds; without programs the mark alone. */
export interface LayerContent {
  readonly mark: string;
  /** Seconds since the epoch, when the mark was written. */
  readonly markTime: number;
  readonly programs: readonly {
    readonly name: string;
    readonly time: number;
    readonly content: Uint8Array;
  }[];
  readonly runtimeConfig: { readonly text: string; readonly time: number } | undefined;
}

/** The one layer of a patch, its volatile part last: programs that are the same in every image, then the mark. */
export async function packLayer({
  mark,
  markTime,
  programs,
  runtimeConfig,
}: LayerContent): Promise<Uint8Array> {
  const inFolder = programs.map(({ name, time, content }) => ({
    name: `.chalk/${name}`,
    mode: 0o555,
    time,
    content,
  }));
  const config =
    runtimeConfig === undefined
      ? []
      : [
          {
            name: '.chalk/runtime.json',
            mode: 0o444,
            time: runtimeConfig.time,
            content: runtimeConfig.text,
          },
        ];
  const folder = { name: '.chalk/', mode: 0o755, time: 0, content: undefined };
  return packTar([
    ...(programs.length > 0 ? [folder, ...inFolder, ...config] : []),
    { name: 'chalk.json', mode: 0o444, time: markTime, content: mark },
  ]);
}
