// One clock for every age on screen. It ticks once a second while the window is visible and not at all when hidden.

const TICK_MS = 1_000;

class Clock {
  now = $state(Date.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  start(): () => void {
    const sync = () => (document.hidden ? this.#stop() : this.#run());
    document.addEventListener("visibilitychange", sync);
    sync();
    return () => {
      document.removeEventListener("visibilitychange", sync);
      this.#stop();
    };
  }

  #run(): void {
    this.now = Date.now();
    this.#timer ??= setInterval(() => (this.now = Date.now()), TICK_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

export const clock = new Clock();
