/** Counts the exchanges of one connection. */
export class InFlight {
  open = 0;
  maxOpen = 0;

  /** @returns what to call when it is over, once or more often */
  begin(): () => void {
    this.open++;
    this.maxOpen = Math.max(this.maxOpen, this.open);
    let over = false;
    return () => {
      if (!over) this.open--;
      over = true;
    };
  }
}
