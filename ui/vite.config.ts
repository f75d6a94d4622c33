/// <reference types="vitest/config" />
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The page runs under `default-src 'none'`: nothing may be inlined, neither scripts nor assets as data: addresses.
export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  resolve: { conditions: process.env.VITEST ? ["browser"] : undefined },
  build: {
    // The oldest engine we meet is WebKitGTK 2.40 of Debian 12.
    target: ["safari16.4", "chrome110"],
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // Says which plugin took how long: news on a busy machine, not a warning about the code.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts", "shell/**/*.test.ts"],
    restoreMocks: true,
  },
});
