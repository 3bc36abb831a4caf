import { z } from 'zod';

/** JSON, as far as it is passed on without looking inside. */
export type Json = Readonly<Record<string, unknown>>;

/** Turns zod schemas into those of OpenAPI 3.1; what has an id goes to the components, once. */
export function createJsonSchemas() {
  const components = new Map<string, Json>();
  return { components, input: (schema: z.ZodType) => convert(schema, 'input'), output };

  function output(schema: z.ZodType): Json {
    return convert(schema, 'output');
  }

  function convert(schema: z.ZodType, io: 'input' | 'output'): Json {
    const made: Json = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
    const named = Object.entries((made['$defs'] ?? {}) as Readonly<Record<string, Json>>);
    for (const [name, definition] of named) keep(name, definition);
    const id = made['id'];
    if (typeof id !== 'string') return pointToComponents(made);
    keep(id, made);
    return { $ref: `#/components/schemas/${id}` };
  }

  function keep(name: string, definition: Json): void {
    const made = pointToComponents(definition);
    const known = components.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(made)) {
      throw new Error(`Two schemas have the id ${name}`);
    }
    components.set(name, made);
  }
}

/** What belongs to a document of its own, and not to a part of ours. */
const apart = new Set(['$schema', '$defs', 'id']);

function pointToComponents(schema: Json): Json {
  const rest = Object.fromEntries(Object.entries(schema).filter(([key]) => !apart.has(key)));
  return JSON.parse(JSON.stringify(rest).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
