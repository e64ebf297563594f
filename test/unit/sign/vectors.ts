/** Made by cosign 3.1.1: `generate-key-pair`, `sign-blob` and `attest-blob` of the file `hello\n`. */
export const COSIGN = {
  password: 'päss word',
  key: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiI4Y0lLbzNyUmVIYjNmUFc5dFVGVmlSaCs3Nmh3Uk5h
bi9OSFJtOTQ1SEpnPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJuQUZSc1JOOFNhL1BmQ3JWeHRUb3F6VkhpSGZaZG5SVSJ9LCJj
aXBoZXJ0ZXh0IjoiZmlkbGVVNFJNaVNicTdjMDlWTDZWblFQdmZYTExCRkVvcGhp
bmNPZWJhMHV1b3NOWG5wNHY1eEZrQzhxSGw3c00xakRsbm0yOFF3c1JBNWtZdkkr
end6K3U0dXV3NXdCaVUyOHdGQ1RjN3lGS2h1dFhqeFZ1UHIxSWRKOExFakZvRUd0
cys0TEJRMVd5TVZPWk9uZWxtM1crbGVLcmhrNmltM2xpSFl5dGUwQ2NnN0VrVkQ4
SkhKazdGTWtFaVNJcTFSZXBaMzAvRkVxQXc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  pub: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQCCz2N/S3SOG6b33qhBJrejFDfeB
PzXRQEA/O5FGVHAt60e1/URWOypB1gBt3k4Abr4NVz1s/eT43zHjkfCiEw==
-----END PUBLIC KEY-----
`,
  blobBundle:
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"xyJ90cdcg5EhS1rPIa6nUQZ8/+M2s8cTpj6BoALNRog="}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="},"signature":"MEQCIFnyYERx1of9NRRFYY/KvH/GS49D/KKtrS0SEI9vMy47AiBEmExelVbo2CDRkb0nBYwfBDnLX6ZEhwdRiPU3hbVayA=="}}',
  attestationBundle:
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"xyJ90cdcg5EhS1rPIa6nUQZ8/+M2s8cTpj6BoALNRog="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjAuMSIsInN1YmplY3QiOlt7Im5hbWUiOiJmIiwiZGlnZXN0Ijp7InNoYTI1NiI6IjU4OTFiNWI1MjJkNWRmMDg2ZDBmZjBiMTEwZmJkOWQyMWJiNGZjNzE2M2FmMzRkMDgyODZhMmU4NDZmNmJlMDMifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS90L3YxIiwicHJlZGljYXRlIjp7ImJ1aWxkVHlwZSI6IngiLCJuIjoxLjV9fQ==","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEQCIEOKFd9Y+oQgQSHBZJkYK4rUPnT/x63OzWeOci+sysdQAiAYp+15//Js6adydIiZ2clKXGBlcBa+QEavzQl45bwz3g=="}]}}',
} as const;

/**
 * The example of the DSSE specification (`protocol.md`, "Test Vectors"): its key's point, its payload, and its signature in
 * DER, where the specification writes the two numbers one behind the other.
 */
export const DSSE = {
  payload: 'hello world',
  payloadType: 'http://example.com/HelloWorld',
  point: {
    x: 'Z805D3eqNZywjCI19lInBJOp7YMrCrzAH3CVTAOQ0jg',
    y: 'DHgr1U4mkSWkT0Qzr_FDLOlOErynOqZ6yAzqEmCN33Q',
  },
  envelope: {
    payload: 'aGVsbG8gd29ybGQ=',
    payloadType: 'http://example.com/HelloWorld',
    signatures: [
      {
        sig: 'MEQCIANyarEBrVbCdjtsaqyOSHJ14qeRk6CdxfhZ2fjvPEo7AiBR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
      },
    ],
  },
} as const;
