// Command chat is a small web app in three replicas, each a process with a node of the cluster inside: one limit holds
// for all of them together. One command starts it:
//
//	cd examples && go run ./chat
//
// It opens nothing by itself: the page is at the address that it logs. There you see what a steady load is answered,
// second by second; kill a replica, best the one that decides for the load, and read what happened; and chat over the
// replica of your choice, with a limit on messages that does not care which one you choose.
//
// The launcher is not part of the cluster. It starts and kills replicas, sends the load, and serves the page.
package main
