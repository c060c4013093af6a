// Package site is the public front room: the home page, the report journey, the way
// back with the receipt code, and pages of text that are data.
//
// Everything works as plain form and redirect, without scripts and at 320 px. A
// draft's secret lives in the person's cookie only; "leave now" deletes the draft and
// the cookie. Pages of the journey are never cached, name no third party and carry
// no address of the visitor into the rooms behind.
package site
