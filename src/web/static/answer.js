(function(d){function o(){if(d.visibilityState==='hidden')return;var x=new XMLHttpRequest();x.open('POST',location.pathname.replace(/\/$/,'')+'/opened');x.send();d.removeEventListener('visibilitychange',o)}
if(d.visibilityState==='hidden')d.addEventListener('visibilitychange',o);else setTimeout(o,700)})(document)
