// Which sequence each document is at: answers "how many changed since N" and "how many documents are there, deleted ones too".

/** An index in memory, made when first asked and then kept up by reading only what is new. */
export class SeqIndex {
  constructor () {
    this.upTo = 0
    this.seqs = new Map()
    this.tree = [0]
    this.reading = Promise.resolve()
  }

  /** Reads on to the head of a PouchDB. Calls queue up behind each other. */
  update (pouch) {
    this.reading = this.reading.then(() => this.read(pouch), () => this.read(pouch))
    return this.reading
  }

  read (pouch) {
    return new Promise((resolve, reject) => {
      pouch.changes({ since: this.upTo, return_docs: false, style: 'main_only' })
        .on('change', change => this.note(change.id, change.seq))
        .on('complete', () => resolve(this))
        .on('error', reject)
    })
  }

  note (id, seq) {
    if (seq <= this.upTo) return
    while (this.tree.length <= seq) this.grow()
    const old = this.seqs.get(id)
    if (old !== undefined) this.add(old, -1)
    this.seqs.set(id, seq)
    this.add(seq, 1)
    this.upTo = seq
  }

  // A Fenwick tree: slot i holds the sum of the (i & -i) counts that end at i.
  grow () {
    const at = this.tree.length
    let sum = 0
    for (let i = at - 1, stop = at - (at & -at); i > stop; i -= i & -i) sum += this.tree[i]
    this.tree.push(sum)
  }

  add (seq, by) {
    for (let i = seq; i < this.tree.length; i += i & -i) this.tree[i] += by
  }

  /** How many documents are at a sequence above this one. */
  countAfter (seq) {
    let before = 0
    for (let i = Math.min(seq, this.tree.length - 1); i > 0; i -= i & -i) before += this.tree[i]
    return this.seqs.size - before
  }

  get total () {
    return this.seqs.size
  }
}
