throw new Error("it was not built");
