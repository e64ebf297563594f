/** The bundler puts package.json's version here; run from source it is a development version. */
export const PRODUCT_VERSION = process.env['CHALK_BUILD_VERSION'] ?? '0.0.0-dev';

/** The version of Chalk whose rules our marks follow: readers choose the encoding by it. */
export const CHALK_FORMAT_VERSION = '1.1.3';
