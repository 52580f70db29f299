; What rules.yaml says, to CLIPS.
(deftemplate encoder (slot codec))
(deftemplate hold (slot title))
(deftemplate title (slot id) (slot state))
(deftemplate chunk (slot title) (slot index) (slot state))
(deftemplate film (slot title))
(deftemplate report (slot title))

(defrule encode
  ?c <- (chunk (title ?t) (state raw))
  (exists (encoder (codec av1)))
  (not (hold (title ?t)))
  =>
  (modify ?c (state encoded)))

(defrule assemble
  ?title <- (title (id ?t) (state open))
  (exists (chunk (title ?t)))
  (not (chunk (title ?t) (state raw)))
  (not (film (title ?t)))
  =>
  (assert (film (title ?t)))
  (modify ?title (state done)))

(defrule report
  (film (title ?t))
  (title (id ?t) (state done))
  (exists (chunk (title ?t) (state encoded)))
  =>
  (assert (report (title ?t))))

; Every tenth title is held.
(deffunction fill (?titles ?chunks)
  (assert (encoder (codec av1)))
  (loop-for-count (?t 0 (- ?titles 1)) do
    (if (= (mod ?t 10) 0) then (assert (hold (title ?t))))
    (loop-for-count (?i 0 (- ?chunks 1)) do
      (assert (chunk (title ?t) (index ?i) (state raw))))
    (assert (title (id ?t) (state open)))))

(deffunction release ()
  (do-for-all-facts ((?h hold)) TRUE (retract ?h)))
