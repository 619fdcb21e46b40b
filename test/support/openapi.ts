import type { JsonSchema } from '#infra/openapi/json-schema.ts';
import { openApiDocument } from '#infra/openapi.ts';

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
}

interface Response {
  readonly $ref?: string;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly description?: string;
  readonly schema: JsonSchema;
}

/** An operation of the document. */
export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly webhooks: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

/** The document as the code makes it now. */
export const document = openApiDocument() as Document;

/** Every operation of the document with its method and path, such as `GET /health`. */
export const documentedOperations: readonly (readonly [string, DocumentedOperation])[] = Object.entries(
  document.paths,
).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
);

const lastStep = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

export const resolvedResponse = (response: Response): Response =>
  response.$ref ? (document.components.responses[lastStep(response.$ref)] as Response) : response;

export const resolvedParameter = (parameter: Parameter): Parameter =>
  parameter.$ref ? (document.components.parameters[lastStep(parameter.$ref)] as Parameter) : parameter;

/** The examples of a body or answer, by name. */
export function examplesOf({ example, examples = {} }: Media): readonly (readonly [string, unknown])[] {
  if (example !== undefined) return [['', example]];
  return Object.entries(examples).map(([name, { $ref }]) => [
    name,
    document.components.examples[lastStep($ref)]?.value,
  ]);
}
