export { beginStoreThread } from "../store/store-thread.ts";
