// What the API gives and takes, by the names that the page uses. `api` is made from http/openapi.yaml
// (scripts/check_page).
import type {components} from 'api';

type Schemas = components['schemas'];
export type BatchView = Schemas['Batch'] & {spec: Spec; allowed?: string[]};
export type BatchState = Schemas['BatchState'];
export type FileRow = Schemas['File'];
export type Spec = Schemas['Spec'];
export type OutputSpec = Schemas['Output'];
export type Formats = Schemas['Formats'];
export type FormatRow = Formats['formats'][number];
/** Its data depend on its type (docs/feed.md). */
export type FeedEvent = Omit<Schemas['Event'], 'data'> & {data: any};
