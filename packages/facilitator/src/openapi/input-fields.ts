import type { z } from 'zod';
import type { DescribedRoute } from './described-route.js';
import { createJsonSchemas, type Json } from './json-schemas.js';

/** Something that a route takes, as a line of the documentation. */
export interface InputField {
  readonly name: string;
  readonly place: 'path' | 'query' | 'body';
  readonly required: boolean;
  /** What it looks like, such as `time` or `direct | claim`. */
  readonly form: string;
  readonly description: string;
}

/** What a route takes, in the order of a request. A body that is not one object of named fields is left to its example. */
export function inputFieldsOf({ schemas }: DescribedRoute): readonly InputField[] {
  return [...fieldsOf('path', schemas.params), ...fieldsOf('query', schemas.query), ...fieldsOf('body', schemas.body)];
}

function fieldsOf(place: InputField['place'], schema: z.ZodType | undefined): readonly InputField[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = createJsonSchemas().input(schema) as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, field]) => ({
    name,
    place,
    required: required.includes(name),
    form: formOf(field),
    description: typeof field['description'] === 'string' ? field['description'] : '',
  }));
}

const formats: Readonly<Record<string, string>> = { uuid: 'id', 'date-time': 'time' };

function formOf({ type, format, enum: values, items }: Json): string {
  if (Array.isArray(values)) return values.join(' | ');
  if (type === 'array') return `list of ${formOf(items as Json)}`;
  if (type === 'integer' || type === 'number') return 'number';
  return (typeof format === 'string' ? formats[format] : undefined) ?? 'text';
}
